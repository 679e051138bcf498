"""What the platform can do, vendor-neutral: the call, the result and the provider protocol of each capability."""
