"""What a row says: agreement, refusal or failure."""
import json
import os


def read_row(cache: str, name: str) -> dict | None:
    path = os.path.join(cache, "rows", f"{name}.json")
    if not os.path.exists(path):
        return None
    with open(path) as file:
        return json.load(file)


def write_row(cache: str, row: dict) -> None:
    os.makedirs(os.path.join(cache, "rows"), exist_ok=True)
    with open(os.path.join(cache, "rows", f"{row['name']}.json"), "w") as file:
        json.dump(row, file, indent=1)


def lost_taps(row: dict) -> list[str]:
    return [layer["name"] for layer in row.get("compared", {}).get("layers", []) if "lost" in layer]


def is_sound(row: dict) -> bool:
    """Whether counts were compared and agree."""
    compared = row.get("compared")
    return (
        row.get("phase") == "done"
        and not row.get("failed")
        and compared is not None
        and compared["pairs"] > 0
        and compared["different"] == 0
        and compared["baseline_different"] == 0
        and compared["near_ties"] < compared["pairs"] / 2
    )


def words_of(row: dict) -> str:
    if row.get("failed"):
        return f"FAILED {row['failed']}"
    if row.get("error"):
        return f"{row['phase']}: {row['error']['message']}"
    compared = row.get("compared")
    if not compared:
        return f"{row.get('phase')}: nothing to ablate"
    parts = [f"{compared['pairs']} pairs, {compared['different']} different, {compared['near_ties']} near ties"]
    if compared["baseline_different"]:
        parts.append(f"{compared['baseline_different']} BASELINE predictions different")
    parts.append(f"drops within {compared['drop_error']:.1e}, logits within {compared['logit_error']:.1e}")
    if lost := lost_taps(row):
        parts.append(f"taps not found in torch: {', '.join(lost)}")
    return "; ".join(parts)
