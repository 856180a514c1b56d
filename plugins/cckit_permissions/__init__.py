"""Who may do what: roles, teams and actions. Denies by default."""
