"""The people and the client at the identity provider of every dev stack, and their public secrets."""

from __future__ import annotations

from typing import Final

PEOPLE: Final = ("admin@example.com", "member@example.com")
"""Their names."""
ADMIN: Final = PEOPLE[0]
"""The admin of the seeded Domains."""
PASSWORD: Final = "password"  # noqa: S105 - public: it is in the product's runbook
"""The password of each."""
SIGN_IN: Final = f"{' or '.join(PEOPLE)}, password: {PASSWORD}"
"""What a user types to sign in."""
CLIENT_ID: Final = "plexsphere-test"
"""The OAuth 2 client of the seeded IdP bindings."""
CLIENT_SECRET: Final = "plexsphere-test-secret"  # noqa: S105 - public: every dev stack has it
"""The secret of that client."""
