"""The version: what the distribution is called by, and what logs, bundles and states say made them.

Not here: the versions of formats, which stand where each format is.
"""

VERSION = "0.1.0"
"""Of the distribution; the build reads it from this line."""
