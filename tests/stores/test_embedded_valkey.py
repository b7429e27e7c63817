"""The embedded Valkey: started, joined, adopted, and nothing lost."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import redis

from nextbest_service.errors import StartupError
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.embedded import embedded_valkey


def test_data_survives_a_restart(tmp_path: Path) -> None:
    with embedded_valkey(tmp_path) as url:
        connect_for_bulk(url).set("kept", "yes")
    with embedded_valkey(tmp_path) as url:
        assert connect_for_bulk(url).get("kept") == b"yes"


def test_a_second_user_joins_the_running_server_and_leaves_it_running(tmp_path: Path) -> None:
    with embedded_valkey(tmp_path) as url:
        with embedded_valkey(tmp_path) as joined:
            assert joined == url
        assert connect_for_bulk(url).ping()


def test_the_server_ends_with_its_owner(tmp_path: Path) -> None:
    with embedded_valkey(tmp_path) as url:
        pass
    with pytest.raises(StartupError, match="does not answer"):
        connect_for_bulk(url)


def test_the_server_of_a_killed_owner_is_adopted_with_its_data(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    server = int(owner.stdout.readline())
    owner.kill()
    owner.communicate()
    with embedded_valkey(tmp_path) as url:
        client = connect_for_bulk(url)
        assert client.get("kept") == b"yes"
        assert client.info("server")["process_id"] == server
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


def test_data_survives_the_death_of_the_server_itself(tmp_path: Path) -> None:
    with embedded_valkey(tmp_path) as url:
        client = connect_for_bulk(url)
        client.set("kept", "yes")
        client.execute_command("WAITAOF", 1, 0, 5000)
        os.kill(client.info("server")["process_id"], signal.SIGKILL)
    with embedded_valkey(tmp_path) as url:
        assert connect_for_bulk(url).get("kept") == b"yes"


def test_nobody_else_on_the_machine_can_connect(tmp_path: Path) -> None:
    with embedded_valkey(tmp_path) as url:
        client = connect_for_bulk(url)
        assert client.config_get("port")["port"] == "0"
        socket = Path(client.config_get("unixsocket")["unixsocket"])
        assert socket.stat().st_mode & 0o077 == 0


def test_a_data_directory_with_a_long_path_works(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-rather-long-directory-name"] * 5)
    with embedded_valkey(deep) as url:
        assert connect_for_bulk(url).ping()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").write_text("in the way")
    with pytest.raises(StartupError, match="last words"), embedded_valkey(tmp_path):
        pass


def test_customers_are_stored_packed(tmp_path: Path) -> None:
    with embedded_valkey(tmp_path) as url:
        client: redis.Redis = connect_for_bulk(url)
        client.hset("nb:{customer:1}", mapping={"v": b"x" * 300, "a": b"y" * 900, "f": b"z" * 200})
        assert client.object("encoding", "nb:{customer:1}") == b"listpack"


OWNER = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from nextbest_service.store.connection import connect_for_bulk
    from nextbest_service.store.embedded import embedded_valkey
    with embedded_valkey(Path(sys.argv[1])) as url:
        client = connect_for_bulk(url)
        client.set("kept", "yes")
        print(client.info("server")["process_id"], flush=True)
        time.sleep(60)
    """
)
