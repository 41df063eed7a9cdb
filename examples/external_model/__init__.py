"""A model of somebody else, which knows nothing of the whmr package."""
