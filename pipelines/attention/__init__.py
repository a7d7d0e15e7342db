"""What deserves attention: signal scores, priorities, comparisons and coverage."""
