"""The instances that the tests share: one hardened, one as deployed, each with its own embedded PostgreSQL."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reference_service.clusters import Cluster, cluster_of
from tests.reference_service.instances import FIXTURES, Instance, running

# The unit tests here import the package; it is installed nowhere.
sys.path.insert(0, str(FIXTURES))


@pytest.fixture(scope="session")
def hardened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """The service as it should be."""
    with running(tmp_path_factory.mktemp("hardened")) as instance:
        yield instance


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """The service with the gaps of the deployed one."""
    with running(tmp_path_factory.mktemp("deployed"), "--as-deployed") as instance:
        yield instance


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A running PostgreSQL of the wheel with an empty database."""
    from reference_service.postgres import binaries  # noqa: PLC0415 - importable only now

    with cluster_of(binaries()) as made:
        yield made


@pytest.fixture
def debian_cluster() -> Iterator[Cluster]:
    """A running PostgreSQL of the distribution."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("no PostgreSQL server in /usr/lib/postgresql: only the embedded version is tested here")
    with cluster_of(found[-1].parent) as made:
        yield made
