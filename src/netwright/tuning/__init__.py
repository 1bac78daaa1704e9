"""The search for settings: spaces, trials by ask and tell, the study and its winner."""
