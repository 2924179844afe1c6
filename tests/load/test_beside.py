"""What is done while load is sent."""

import pytest

from tests.load.conftest import section
from tests.load.servers import service


def test_it_is_called_once_requests_are_on_their_way_and_waited_for(send):
    seen = []

    def beside(seconds, ended):
        seen.append((seconds, len(server.requests) > 0, ended.is_set()))
        seen.append(ended.wait(30))

    with service() as server:
        done = send(server.url, section(50, 1), beside=beside)
    assert seen == [(1.0, True, False), True]
    assert done.result.completed == 50


def test_what_it_raises_is_raised_and_there_is_no_result(send, tmp_path):
    def beside(_seconds, _ended):
        raise LookupError("no batch")

    with service() as server, pytest.raises(LookupError, match="no batch"):
        send(server.url, section(50, 0.5), beside=beside)
    assert [path.name for path in tmp_path.iterdir()] == ["load.partial"]
