"""`prices.toml`: what one delivered message costs, by category and the recipient's country (R10)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import phonenumbers
from pydantic import Field, field_validator

from config.toml import FileModel

Category = Literal["marketing", "utility", "authentication", "service"]
Price = Annotated[Decimal, Field(ge=0)]


class CountryPrices(FileModel):
    """Price per delivered message in one country, in the table's currency."""

    marketing: Price
    utility: Price
    authentication: Price
    service: Price


class PriceTable(FileModel):
    """All of `prices.toml`: rates change every quarter, so the table says since when it holds and where it is from."""

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    valid_from: date
    source: Annotated[str, Field(min_length=1)]
    other: CountryPrices
    """For every country without a line of its own."""
    countries: dict[str, CountryPrices]

    @field_validator("countries")
    @classmethod
    def _countries_exist(cls, countries: dict[str, CountryPrices]) -> dict[str, CountryPrices]:
        for country in countries:
            if country not in phonenumbers.SUPPORTED_REGIONS:
                raise ValueError(f"'{country}' is not an ISO 3166 country of two letters")
        return countries

    def price(self, category: Category, country: str) -> Decimal:
        """Price of one delivered message of `category` to a number of the ISO `country`."""
        return Decimal(getattr(self.countries.get(country, self.other), category))
