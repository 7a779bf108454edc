"""The web door: webhooks in, the API, the pages for people. It knows flows and ports, not SQL, Celery or a provider."""
