"""The methods, ordered as the survey's Table 7 orders them."""
