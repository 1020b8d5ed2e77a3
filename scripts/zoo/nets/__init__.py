"""The architectures; importing this package registers them."""
from . import built, convolutional, files, heads, tokens, vision  # noqa: F401
