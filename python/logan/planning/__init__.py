"""From paths and options to a plan. Knows no engines, no network and no reports."""
