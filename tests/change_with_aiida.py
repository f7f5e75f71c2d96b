"""Changes a profile with aiida-core, in a process of its own, as the lines of standard input say.

python -m tests.change_with_aiida PROFILE

    extra UUID VALUE    sets the extra `changed`
    delete UUID         deletes a node, and with it what was made of it
    add VALUE           stores an `Int`

Each is answered with a line when it is done.
"""

from __future__ import annotations

import sys

from aiida import load_profile, orm
from aiida.tools import delete_nodes


def change(line: str) -> None:
    match line.split():
        case ["extra", uuid, value]:
            orm.load_node(uuid).base.extras.set("changed", int(value))
        case ["delete", uuid]:
            delete_nodes([orm.load_node(uuid).pk], dry_run=False)
        case ["add", value]:
            orm.Int(int(value)).store()
        case _:
            raise ValueError(line)


if __name__ == "__main__":
    load_profile(sys.argv[1])
    print("ready", flush=True)
    for each in sys.stdin:
        change(each)
        print("done", flush=True)
