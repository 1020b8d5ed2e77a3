/** Every claim of the paper that is put to the test, in the paper's order. */
import type { Evidence } from "../evidence.ts";
import type { Claim } from "./claim.ts";
import { predictionClaim } from "./prediction.ts";
import { classRelationClaim, overallRelationClaim } from "./relations.ts";
import { rotationClaim } from "./rotation.ts";
import { classDropClaim, fewClassesClaim, overallDropClaim } from "./single-units.ts";
import { unitSetsClaim } from "./unit-sets.ts";
import { batchNormClaim, compensationClaim, detectorsClaim, dropoutClaim } from "./variants.ts";

/** Judges every claim. */
export function judgeClaims(evidence: Evidence): Claim[] {
  return [
    overallDropClaim,
    classDropClaim,
    fewClassesClaim,
    unitSetsClaim,
    overallRelationClaim,
    classRelationClaim,
    predictionClaim,
    rotationClaim,
    batchNormClaim,
    dropoutClaim,
    compensationClaim,
    detectorsClaim,
  ].map((judge) => judge(evidence));
}
