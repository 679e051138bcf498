"""Code written by a model, tried, deployed and committed."""
