/** Work whose results are what it was set up with. */
export const settledWork = {
  open:
    async ({ tolerance }) =>
    async () => ({ shared: tolerance, layers: [] }),
};
