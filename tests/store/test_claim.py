import pytest

from shared.errors import ConfigurationError
from shared.store.address import postgres_url
from shared.store.claim import Claim
from tests.postgres import Postgres


def test_a_shared_database_has_one_gateway(postgres: Postgres) -> None:
    """A second gateway is refused while the first one is there, and let in afterwards."""
    url = postgres_url(postgres.create())
    first = Claim.of(url)
    with pytest.raises(ConfigurationError, match="baton worker --node NAME"):
        Claim.of(url)
    Claim.of(postgres_url(postgres.create())).release()  # another database is another matter
    first.release()
    Claim.of(url).release()
