import pytest

from shared.errors import ConfigurationError
from shared.store.address import open_engine, postgres_url
from shared.store.claim import claimed
from tests.postgres import Postgres


async def test_a_shared_database_has_one_gateway(postgres: Postgres) -> None:
    """A second gateway is refused while the first one is there, and let in afterwards."""
    url = postgres_url(postgres.create())
    first, second = open_engine(url), open_engine(url)
    try:
        async with claimed(first):
            with pytest.raises(ConfigurationError, match="baton worker --node NAME"):
                async with claimed(second):
                    pass
        async with claimed(second):
            with pytest.raises(ConfigurationError, match="Another gateway"):
                async with claimed(first):
                    pass
    finally:
        await first.dispose()
        await second.dispose()
