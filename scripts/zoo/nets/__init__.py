"""The architectures; importing this package registers them."""
from . import built, convolutional, files, heads, operator_sets, tokens, vision  # noqa: F401
