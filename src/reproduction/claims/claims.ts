/** Every claim of the paper that is put to the test, in the paper's order. */
import type { Evidence } from "../evidence.ts";
import { alikeClassesClaim } from "./alike-classes.ts";
import type { Claim } from "./claim.ts";
import { type ControlledClaim, controlOf } from "./control.ts";
import { predictionClaim, predictionOrderClaim } from "./prediction.ts";
import { attributesClassClaim, selectivityOverallClaim, selectivityPoorClaim } from "./relations.ts";
import { rotationClaim } from "./rotation.ts";
import type { ClaimId } from "./rules.ts";
import { claimIds } from "./rules.ts";
import { classDropClaim, classDropSizeClaim, fewClassesClaim, overallDropClaim } from "./single-units.ts";
import { unitSetsClaim } from "./unit-sets.ts";
import { batchNormClaim, compensationClaim, detectorsClaim, dropoutClaim } from "./variants.ts";

const judges: Readonly<Record<ClaimId, (evidence: Evidence) => Claim>> = {
  "overall-drop-small": overallDropClaim,
  "class-drop-large": classDropClaim,
  "class-drop-size": classDropSizeClaim,
  "few-classes": fewClassesClaim,
  "alike-classes": alikeClassesClaim,
  "unit-sets": unitSetsClaim,
  "selectivity-overall": selectivityOverallClaim,
  "selectivity-poor": selectivityPoorClaim,
  "attributes-class": attributesClassClaim,
  prediction: predictionClaim,
  "prediction-order": predictionOrderClaim,
  rotation: rotationClaim,
  "batch-norm": batchNormClaim,
  "dropout-conv5": dropoutClaim,
  "dropout-conv4": compensationClaim,
  detectors: detectorsClaim,
};

/** Judges every claim by one study's evidence. */
export function judgeClaims(evidence: Evidence): ControlledClaim[] {
  return claimIds.map((id) => judgeClaim(id, evidence));
}

/** Judges one claim, and its control. */
export function judgeClaim(id: ClaimId, evidence: Evidence): ControlledClaim {
  return { ...judges[id](evidence), control: controlOf(id, evidence, judges[id]) };
}
