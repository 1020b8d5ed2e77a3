/** The shortcuts of a sweep. */

/** Routes that can be switched off, to measure what each is worth. */
export interface Routes {
  /** Skip pairs in which the unit's removal changes nothing. */
  readonly silent: boolean;
  /** Skip pairs whose prediction provably cannot change. */
  readonly certified: boolean;
  /** Linear tails as one product. */
  readonly closedForm: boolean;
}

/** Every route on. */
export const allRoutes: Routes = { silent: true, certified: true, closedForm: true };
