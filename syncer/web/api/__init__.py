"""The API, `/api/v1`: one router per noun; errors are problem details, keys are bearer tokens."""
