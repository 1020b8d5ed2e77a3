"""Reference values of scipy and numpy for test/stats; writes statistics.json beside this file.

Run with Debian's python3-scipy: /usr/bin/python3 test/golden/statistics.py
"""
import json
import os

import numpy as np
import scipy
from scipy import optimize, special, stats

rng = np.random.RandomState(20180606)
golden = {"versions": {"numpy": np.__version__, "scipy": scipy.__version__}}

golden["half_binomial_cdf"] = [
    [k, n, float(stats.binom.cdf(k, n, 0.5))]
    for k, n in [(0, 1), (0, 5), (2, 5), (3, 10), (7, 15), (11, 23), (12, 24), (10, 25), (30, 100), (0, 1000),
                 (400, 1000), (499, 1000), (500, 1000), (700, 1000), (24_000, 50_000), (24_900, 50_000), (22_000, 50_000)]
]
golden["mcnemar"] = [
    [lost, gained, float(stats.binomtest(lost, lost + gained, 0.5).pvalue)]
    for lost, gained in [(1, 0), (5, 0), (6, 0), (0, 6), (3, 3), (10, 3), (3, 10), (60, 40), (120, 60), (25_300, 24_700)]
]
golden["normal_cdf"] = [[x, float(stats.norm.cdf(x))] for x in
                        [-37.0, -20.0, -8.0, -3.0, -2.01, -1.99, -1.0, -0.1, 0.0, 0.5, 1.96, 5.0]]
golden["normal_quantile"] = [[p, float(stats.norm.ppf(p))] for p in
                             [1e-300, 1e-20, 1e-6, 0.001, 0.025, 0.2, 0.5, 0.6, 0.975, 0.9999]]
golden["incomplete_beta"] = [
    [a, b, x, float(special.betainc(a, b, x))]
    for a, b, x in [(0.3, 0.7, 0.01), (1, 1, 0.25), (2.5, 4, 0.1), (2.5, 4, 0.9), (12.3, 0.6, 0.2), (60, 40, 0.35),
                    (60, 40, 0.7), (500.5, 480.25, 0.4), (3000, 2500, 0.5), (0.05, 300, 1e-4)]
]

# Drawn and left: what follows has a part of the stream to itself.
rng.standard_t(4, 40)
rng.normal(0.15, 1, 300)

p_values = np.sort(rng.uniform(0, 1, 20)) ** 3
rng.shuffle(p_values)
order = np.argsort(p_values)
q = p_values[order] * 20 / np.arange(1, 21)
q = np.minimum.accumulate(q[::-1])[::-1]
q_values = np.empty(20)
q_values[order] = np.minimum(1, q)
golden["benjamini_hochberg"] = {"p": p_values.tolist(), "q": q_values.tolist()}

x = np.round(rng.gamma(2, 1, 60), 1)
y = np.round(0.4 * x + rng.normal(0, 1, 60), 1)
line = stats.linregress(x, y)
golden["correlation"] = {
    "x": x.tolist(), "y": y.tolist(),
    "pearson": float(stats.pearsonr(x, y)[0]), "spearman": float(stats.spearmanr(x, y)[0]),
    "slope": float(line.slope), "intercept": float(line.intercept), "ranks": stats.rankdata(x).tolist(),
}
intervals = {}
for name, statistic in [("pearson", lambda a, b: stats.pearsonr(a, b)[0])]:
    for method in ["percentile", "BCa"]:
        ci = stats.bootstrap((x, y), statistic, paired=True, vectorized=False, n_resamples=20_000, method=method,
                             random_state=1).confidence_interval
        intervals[method.lower()] = [float(ci.low), float(ci.high)]
golden["bootstrap"] = intervals

golden["wilson"] = []
for successes, trials in [(0, 10), (3, 10), (10, 10), (150, 192), (1, 1)]:
    ci = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    golden["wilson"].append([successes, trials, float(ci.low), float(ci.high)])

rows, features, classes, penalty = 90, 6, 4, 0.02
target = rng.randint(0, classes, rows)
design = rng.normal(0, 1, (rows, features)) * [1, 5, 0.2, 1, 1, 3] + np.eye(classes, features)[target]
design[:, 4] = 7.5  # a constant feature
deviation = design.std(0)
standard = np.where(deviation > 0, (design - design.mean(0)) / np.where(deviation > 0, deviation, 1), 0)


def objective(flat):
    weights = flat[: classes * features].reshape(classes, features)
    logits = standard @ weights.T + flat[classes * features:]
    log_sum = special.logsumexp(logits, axis=1)
    loss = np.mean(log_sum - logits[np.arange(rows), target]) + penalty / 2 * np.sum(weights**2)
    error = (np.exp(logits - log_sum[:, None]) - np.eye(classes)[target]) / rows
    return loss, np.concatenate([(error.T @ standard + penalty * weights).ravel(), error.sum(0)])


fit = optimize.minimize(objective, np.zeros(classes * (features + 1)), jac=True, method="BFGS", options={"gtol": 1e-10})
weights = fit.x[: classes * features].reshape(classes, features)
logits = standard @ weights.T + fit.x[classes * features:]
golden["logistic"] = {
    "features": design.ravel().tolist(), "labels": target.tolist(), "rows": rows, "featureCount": features,
    "classes": classes, "penalty": penalty,
    "weights": (weights / np.where(deviation > 0, deviation, 1)).ravel().tolist(),
    "probabilities": special.softmax(logits, axis=1).ravel().tolist(),
}

golden["assignment"] = []
for rows, columns in [(1, 1), (3, 3), (5, 9), (30, 30)]:
    scores = np.round(rng.normal(0, 1, (rows, columns)), 3)
    chosen = optimize.linear_sum_assignment(scores, maximize=True)[1]
    golden["assignment"].append({"rows": rows, "columns": columns, "scores": scores.ravel().tolist(), "chosen": chosen.tolist()})

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "statistics.json"), "w") as file:
    json.dump(golden, file, indent=1)
    file.write("\n")
