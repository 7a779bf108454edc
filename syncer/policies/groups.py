"""Connected groups: what is one through any chain of shared keys (union-find)."""

from __future__ import annotations

Node = tuple[str, ...] | tuple[str, int]
"""Anything that groups connect: ("row", crm, crm_id), ("phone", number), ("at", contact) ..."""


class Groups:
    """What is connected. A group has at most one anchor; what would give it two is left unconnected."""

    def __init__(self) -> None:
        self._parent: dict[Node, Node] = {}
        self._anchors: dict[Node, int] = {}

    def find(self, node: Node) -> Node:
        """One and the same node for all of a group."""
        parent = self._parent
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = node = parent[above]
        return node

    def anchor(self, node: Node) -> int | None:
        """The contact that this node's group is at."""
        return self._anchors.get(self.find(node))

    def fasten(self, node: Node, contact_id: int) -> None:
        """The node's group is at this contact."""
        self._anchors[self.find(node)] = contact_id

    def unite(self, one: Node, other: Node) -> None:
        """Make two groups one, unless they are at different contacts."""
        keep, lose = self.find(one), self.find(other)
        mine, theirs = self._anchors.get(keep), self._anchors.get(lose)
        if keep == lose or (mine is not None and theirs is not None and mine != theirs):
            return
        self._parent[lose] = keep
        if mine is None and theirs is not None:
            self._anchors[keep] = theirs
