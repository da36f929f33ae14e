"""The command line in this process, as in the house."""

from tests.house.conftest import toymc_says

__all__ = ["toymc_says"]
