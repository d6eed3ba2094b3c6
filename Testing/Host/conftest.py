"""The host's own tests use the host's fixtures."""

from Testing.Host.fixtures import *  # noqa: F403
