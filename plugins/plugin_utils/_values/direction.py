"""The two directions in which a host lets packets through, as seen from it."""

DIRECTIONS = ("ingress", "egress")
