"""Several workers reload each for itself, and one that is asked tells the others."""

import grpc
from changing_shop import BROKEN, DEARER, ChangingShop
from free_ports import three_free_ports
from running_service import spawn, wait_until

from nextbest.v1 import admin_pb2, admin_pb2_grpc
from nextbest_service.home import Home


def test_a_reload_that_one_worker_is_asked_for_reaches_all(shop_on_disk: ChangingShop) -> None:
    home, port = shop_on_disk.home.root, three_free_ports()
    arguments = ["serve", "--home", str(home), "--catalog", str(shop_on_disk.catalog), "--port", "0"]
    arguments += ["--log-format", "json", "--workers", "2", "--no-watch", "--admin-port", str(port)]
    arguments += ["--watchdog-seconds", "30"]
    with spawn(home, arguments) as running:
        running.wait_for("all_workers_ready")
        announced = Home(home).running_service()
        assert announced is not None
        assert announced.admin == f"127.0.0.1:{port + 1}"
        with (
            grpc.insecure_channel(f"127.0.0.1:{port + 1}") as first,
            grpc.insecure_channel(f"127.0.0.1:{port + 2}") as second,
        ):
            admins = [admin_pb2_grpc.AdminServiceStub(channel) for channel in (first, second)]

            def versions() -> list[str]:
                asked = (it.GetStatus(admin_pb2.GetStatusRequest(), timeout=20) for it in admins)
                return [status.versions.catalog for status in asked]

            (before,) = set(versions())
            shop_on_disk.write(DEARER)
            swapped = admins[0].Reload(admin_pb2.ReloadRequest(), timeout=120)
            assert swapped.swapped
            assert swapped.versions.catalog != before
            wait_until(lambda: set(versions()) == {swapped.versions.catalog})

            def whys() -> dict[int, str]:
                return {line["worker"]: line["why"] for line in running.events("reloaded")}

            wait_until(lambda: whys() == {1: "admin", 2: "order"})  # told right after it serves
            shop_on_disk.write(BROKEN)
            assert not admins[1].Reload(admin_pb2.ReloadRequest(), timeout=120).swapped
            assert set(versions()) == {swapped.versions.catalog}
        assert running.stop() == 0, running.log()
    assert "Traceback" not in running.log()
