"""A measurement: bias and error of its estimators, variations of the chain, what makes the bias, its files."""
