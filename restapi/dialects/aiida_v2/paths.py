"""Markers in paths for the name of a resource: of any, or of nodes only."""

ENTITY, KIND = "<v2_entity:entity>", "<v2_node_kind:entity>"
