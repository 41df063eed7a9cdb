"""A plug-in: a head that lives outside the whmr package."""
