"""Who may call the service, and how calls get to it: TLS, callers, permissions (docs/guides/security.md)."""
