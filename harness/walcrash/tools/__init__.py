"""What one does with campaigns beside running one: probe, compare, validate, selftest, check."""
