/**
 * What the paper says, with its numbers and signs where it gives them, and what must hold of ours. Written after
 * the first networks had been measured by looser rules (`rule-changes.ts` says what changed since); the page prints it
 * beside what was found. Drops are damage (the paper plots the opposite sign).
 */

/** The name of a claim. */
export type ClaimId =
  | "overall-drop-small"
  | "class-drop-large"
  | "class-drop-size"
  | "few-classes"
  | "alike-classes"
  | "unit-sets"
  | "selectivity-overall"
  | "selectivity-poor"
  | "attributes-class"
  | "prediction"
  | "prediction-order"
  | "rotation"
  | "batch-norm"
  | "dropout-conv5"
  | "dropout-conv4"
  | "detectors";

/** One claim of the paper and the statements that it is judged by. */
export interface Rule {
  readonly id: ClaimId;
  readonly title: string;
  /** Where the paper makes it. */
  readonly where: string;
  /** What the paper says, in our words. */
  readonly paper: string;
  /** The numbers and signs that the paper gives; empty where it gives none in its text. */
  readonly numbers: string;
  /** When each statement holds, is weaker, is decided against, and is open. */
  readonly rule: string;
}

/** Bounds that the rules speak of; drops and shares as fractions. */
export const bounds: Readonly<
  Record<
    | "smallDrop"
    | "mostUnits"
    | "muchLarger"
    | "fewClasses"
    | "enoughUnits"
    | "afterFive"
    | "afterTen"
    | "spared"
    | "weak"
    | "timesChance"
    | "gone"
    | "largestDrop",
    number
  >
> = {
  /** An overall drop below this is no damage to speak of. */
  smallDrop: 0.01,
  /** Share of a layer's units that must stay below it. */
  mostUnits: 0.95,
  /** How many times the overall drop a class drop must be. */
  muchLarger: 3,
  /** Share of the classes that still counts as few. */
  fewClasses: 1 / 3,
  /** Share of the units that must hurt a class for a layer to be asked how many. */
  enoughUnits: 0.2,
  /** What five and ten greedily chosen units cost a class in the paper. */
  afterFive: 0.28,
  afterTen: 0.4,
  /** What random sets may cost a class. */
  spared: 0.05,
  /** A correlation below this explains less than a tenth of the variance. */
  weak: Math.sqrt(0.1),
  /** Times chance that a prediction must reach: the interval, not the mean. */
  timesChance: 2,
  /** Share of its accuracy that a class must lose for it to be gone. */
  gone: 0.75,
  /** The largest class drop of a single unit that the paper names. */
  largestDrop: 0.5,
};

const rules: readonly Rule[] = [
  {
    id: "overall-drop-small",
    title: "Removing one unit hardly changes the overall accuracy",
    where: "Abstract; figure 3",
    paper: "Removing any single unit does not hurt the overall accuracy.",
    numbers: "",
    rule: "In a layer, the mean overall drop is equivalent to 0: its interval lies within ±1 point; and at least 95 % of the units surely cost less than 1 point (each by its own 95 % interval over images). Against: the interval of the mean lies beyond 1 point, or more than 5 % of the units surely cost more.",
  },
  {
    id: "class-drop-large",
    title: "Removing one unit damages some class",
    where: "Abstract; figures 1, 2 and 3",
    paper: "Removing one unit does significant damage to the accuracy of specific classes.",
    numbers: "",
    rule: "In a layer, (a) the class drop without the luck of choosing (split half) is more than the overall drop and more than 3 times it (intervals of both differences above 0); (b) more than half of the units single out a class: their damage falls on it more than the damage of the layer's other units does (q ≤ 0.05). (b) is open, not against, where these images find only drops larger than the units' mean.",
  },
  {
    id: "class-drop-size",
    title: "One unit can cost a class half of its accuracy",
    where: "Section 1; figures 1 and 2",
    paper: "Removing the bed unit costs youth hostels 23 points and bedrooms 15; removing another costs waterfalls 50.",
    numbers: "23, 15 and 50 points",
    rule: "The largest max class drop of a unit of conv5 is at least 25 points (half of 50); weaker below that.",
  },
  {
    id: "few-classes",
    title: "A unit matters to a few classes",
    where: "Abstract; figures 1 and 2",
    paper: "A unit is specialised: it carries information that matters to a subset of the classes.",
    numbers: "",
    rule: "In a layer where at least 20 % of the units really cost a class images (5 % false discoveries), half of these cost at most a third of the classes images. More is against. Few is agreement only where it is not for want of power: half of the units also cost at most a third of the classes log-probability, which is found where no image is lost yet, or these images find drops half as large as a unit's class drop with a power of 80 %; else, and where hardly a unit hurts a class, it is open.",
  },
  {
    id: "alike-classes",
    title: "The classes that a unit hurts are alike",
    where: "Section 1; figures 1 and 2",
    paper: "The paper's examples hurt scenes that belong together: the bed unit youth hostels and bedrooms.",
    numbers: "",
    rule: "At conv5, classes that one unit really hurts (at 5 % false discoveries; units that hurt two or more) lie closer together in WordNet than as many classes drawn as often as the layer's other units hurt them: an interval of the mean difference over networks (over units, where there is one network) below 0. Above 0 is against. Asked only where the classes are WordNet's.",
  },
  {
    id: "unit-sets",
    title: "Ten to fifteen units carry a class",
    where: "Figure 4",
    paper:
      "Removing the five most informative units of the last convolution for a class costs it about 28 points, ten more than 40, and after 10 to 15 its accuracy is very low; random sets change it negligibly.",
    numbers: "28 points after 5 units, more than 40 after 10",
    rule: "At conv5, greedily chosen units cost a class (a) at least half of 28 points after 5, (b) at least 40 points after 10, (c) three quarters of its accuracy after 15; (d) 15 random units cost it less than 5 points. Units are chosen on other images than those measured; what comes of choosing them on the same, as in the paper, is shown beside. (a) is weaker if the interval lies below half of the paper's number; one that does not decide is open.",
  },
  {
    id: "selectivity-overall",
    title: "Selective units hurt the overall accuracy less",
    where: "Section 3.3; figure 5, upper row",
    paper:
      "The more selective, class-correlated or concept-aligned a unit is, the less its removal hurts the overall accuracy; L1 norm alone goes with more damage.",
    numbers: "sign: overall damage falls with selectivity, correlation and alignment, and rises with L1 norm",
    rule: "At conv5, the mean over networks of the correlation with the overall drop, divided by its noise ceiling, is below 0 for each of the three attributes and above 0 for L1 norm, and so is that with the drop over all classes but the one that the unit is most selective for. The other sign both times is against; an interval that holds 0, or signs that differ, are open.",
  },
  {
    id: "selectivity-poor",
    title: "Class selectivity is a poor predictor of the overall damage",
    where: "Abstract; section 3.3",
    paper: "Attributes such as class selectivity predict the impact on overall accuracy poorly.",
    numbers: "",
    rule: "At conv5, the mean over networks of the correlation with the overall drop, divided by its noise ceiling, is equivalent to a weak one: its 95 % interval (stricter than two tests at 5 %) lies within ±0.32 (a tenth of the variance). Beyond is against; else open.",
  },
  {
    id: "attributes-class",
    title: "Class selectivity and other attributes predict the damage to a class",
    where: "Abstract; figure 5, lower row",
    paper:
      "The more selective, class-correlated or concept-aligned a unit is, and the larger its L1 norm, the larger its max class drop; selectivity and correlation are particularly strong.",
    numbers: "sign: class damage rises with all four; selectivity and correlation strongest",
    rule: "At conv5, the mean over networks of the correlation with the max class drop, divided by its noise ceiling, is (a) above 0 for each of the four attributes, and weaker if it surely is weak (the interval below 0.32), (b) for selectivity and class correlation larger than the size of that with the overall drop, and (c) for these two larger than for concept alignment.",
  },
  {
    id: "prediction",
    title: "Attributes predict the class that a unit matters most for",
    where: "Table 1; figure 6",
    paper:
      "A logistic regression from attribute vectors names the most damaged class of units of other networks far above chance.",
    numbers: "38.1 to 39.1 %, with a chance of 1 in 365",
    rule: "At a layer, the interval of each attribute's accuracy and of the ensemble's lies above twice chance and above always naming the most frequent class.",
  },
  {
    id: "prediction-order",
    title: "Concept alignment predicts it best, and the ensemble better still",
    where: "Table 1",
    paper: "Concept alignment outperforms class correlation and class selectivity; the ensemble of the three is best.",
    numbers: "concept alignment 38.67 %, correlation 38.28 %, selectivity 38.08 %, ensemble 39.06 %",
    rule: "At a layer, (a) the interval of concept alignment lies above those of the two others, and (b) the interval of the ensemble above that of the best attribute. Below is against; overlapping intervals are open.",
  },
  {
    id: "rotation",
    title: "Units are more class-specific than random directions",
    where: "Figure 7",
    paper:
      "After a random rotation of a layer's units, removing one of the new directions damages single classes less than removing a unit does.",
    numbers: "",
    rule: "In a layer, the class drop without the luck of choosing (split half) of units is larger than that of random directions, and so is what it exceeds the overall drop by, both with an interval of the mean difference above 0. The luck of choosing is larger where effects are small, so the max class drop would flatter the directions.",
  },
  {
    id: "batch-norm",
    title: "Batch norm spreads class information over units",
    where: "Figure 8",
    paper: "With batch norm on every convolution, removing one unit damages single classes less.",
    numbers: "",
    rule: "At conv4 and at conv5, the mean class drop without the luck of choosing (split half) is smaller than in plain networks: an interval of the difference below 0, over networks and images. Above 0 is against; else open.",
  },
  {
    id: "dropout-conv5",
    title: "Dropout of units spreads class information at its layer",
    where: "Figure 8",
    paper: "With dropout on the last convolution, removing one of its units damages single classes much less.",
    numbers: "",
    rule: "At conv5, the mean class drop without the luck of choosing is smaller than in plain networks, and so is that of the ten most damaging units. The paper says much smaller: intervals of the difference from half of the plain networks' drop below 0; weaker if they are surely smaller, but surely by less than half.",
  },
  {
    id: "dropout-conv4",
    title: "The layer below the dropout becomes more class-specific",
    where: "Figure 8",
    paper: "With dropout on the last convolution, units of the convolution before it matter more to single classes.",
    numbers: "",
    rule: "At conv4, the mean class drop without the luck of choosing is larger than in plain networks, and so is that of the ten most damaging units: intervals of the differences above 0. Below 0 is against; else open.",
  },
  {
    id: "detectors",
    title: "Batch norm and dropout leave fewer concept detectors",
    where: "Figure 9",
    paper:
      "Networks trained with dropout have fewer units that detect a concept at the layer that it acts on; those with batch norm too, as figure 9 shows (the text says only that it affects them).",
    numbers: "",
    rule: "At conv5, for each variant, the share of units that detect a concept (IoU above 0.04) is smaller than in plain networks: an interval of the difference, over networks, below 0. Above 0 is against; else open.",
  },
];

/** The rule of a claim. */
export function ruleOf(id: ClaimId): Rule {
  return rules.find((rule) => rule.id === id) as Rule;
}

/** All claims, in the paper's order. */
export const claimIds: readonly ClaimId[] = rules.map(({ id }) => id);
