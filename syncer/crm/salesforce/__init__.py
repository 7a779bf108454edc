"""Salesforce: a company's org, read by SOQL and written by collections (API v60 and later)."""
