"""What aiida-core's own traversal reaches: `python -m tests.traversal_oracle PROFILE`, with AIIDA_PATH set.

Reads `{"start": id, "depth": number or null, "forward": [types], "backward": [types]}` a line, and writes the ids as a
line of JSON.
"""

from __future__ import annotations

import json
import sys

from aiida import load_profile
from aiida.common.links import LinkType
from aiida.tools.graph.graph_traversers import traverse_graph


def main(profile: str) -> None:
    load_profile(profile)
    for line in sys.stdin:
        asked = json.loads(line)
        found = traverse_graph(
            [asked["start"]],
            asked["depth"],
            links_forward=[LinkType(name) for name in asked["forward"]],
            links_backward=[LinkType(name) for name in asked["backward"]],
        )
        print(json.dumps(sorted(found["nodes"])), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
