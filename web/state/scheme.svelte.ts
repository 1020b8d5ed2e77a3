/** Whether the reader's system asks for dark pages. */

const query = matchMedia("(prefers-color-scheme: dark)");

/** Follows the system. */
export const scheme: { isDark: boolean } = $state({ isDark: query.matches });

query.addEventListener("change", () => {
  scheme.isDark = query.matches;
});
