"""What a process has around it: settings and files, the database, the platform, the CRMs, the limiter. Each part is
made when it is first needed; nothing is connected before it is used."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from threading import Lock

from config import files
from config.rotation import Rotating
from config.rules import RuleBook as FileRules
from config.settings import Settings
from config.tuning import Tuning
from syncer import catalogue
from syncer.clock import SystemClock
from syncer.crm import registry
from syncer.crm.hooks.adapter import HookPoster
from syncer.crm.hooks.targets import Targets
from syncer.crm.sharing import Shared
from syncer.crm.tokens import ProcessTokens
from syncer.domain.template import Template
from syncer.http import HttpClient
from syncer.ports import CRM, Clock, HookCaller, Jobs, Messenger, Quota, Throttle, Webhooks
from syncer.services import Services
from syncer.store.crm_writes import HOOKS
from syncer.store.session import Store, open_engine
from syncer.throttle.limiter import RedisThrottle
from syncer.throttle.quota import RedisQuota
from syncer.throttle.quota_memory import Budget
from syncer.throttle.tallies import RedisTallies
from syncer.throttle.tokens import RedisTokens
from syncer.whatsapp.client import WhatsAppMessenger
from syncer.whatsapp.webhooks import WhatsAppWebhooks


class Outside:
    """The ports of one process, with the adapters that the settings choose."""

    def __init__(self, settings: Settings, where: Services, jobs: Jobs, clock: Clock | None = None) -> None:
        self.settings = settings
        self.services = where
        self.jobs = jobs
        self.clock: Clock = clock or SystemClock()
        self._adapters = Lock()

    def close(self) -> None:
        """Give back connections and threads."""
        for part in ("store", "pool", "http", "hook_http", "_crms", "throttle", "quota", "tallies", "zoho_tokens"):
            if part in self.__dict__:
                _close(self.__dict__[part])

    @cached_property
    def tuning(self) -> Tuning:
        """`syncer.toml`."""
        return files.load_tuning(self.settings.config_dir)

    @cached_property
    def rules(self) -> FileRules:
        """`rules.toml`."""
        return files.load_rules(self.settings.config_dir)

    @cached_property
    def templates(self) -> dict[tuple[str, str], Template]:
        """The catalogue by (name, language)."""
        return catalogue.templates(files.load_templates(self.settings.config_dir), self.company)

    @property
    def company(self) -> str:
        """The sender's name in every business message (R8)."""
        self.settings.require("COMPANY_NAME")
        return self.settings.company_name or ""

    @property
    def sealing_keys(self) -> tuple[bytes, ...]:
        """The secret keys, newest first, with which proofs of erasures are sealed; none where none is set."""
        return tuple(key.get_secret_value().encode() for key in self.settings.secret_keys or ())

    @cached_property
    def store(self) -> Store:
        """The engine's database."""
        return Store(open_engine(self.services.database_url))

    @cached_property
    def http(self) -> HttpClient:
        """The pool of connections to providers."""
        whatsapp = self.tuning.whatsapp
        return HttpClient(deadline=whatsapp.timeout_seconds, connect=whatsapp.connect_timeout_seconds)

    @cached_property
    def platform(self) -> WhatsAppMessenger:
        """WhatsApp: messages, files, templates, numbers. A renewed token is used without a restart (R16)."""
        self.settings.require("WHATSAPP_ACCESS_TOKEN", "WHATSAPP_PHONE_NUMBER_ID")
        return WhatsAppMessenger(
            self.http,
            base_url=self.settings.whatsapp.api_url,
            version=self.settings.whatsapp.api_version,
            access_token=Rotating("WHATSAPP_ACCESS_TOKEN", self.settings, _access_token),
            business_account_id=self.settings.whatsapp.business_account_id or "",
        )

    @property
    def messenger(self) -> Messenger:
        """The port through which messages leave and are read."""
        return self.platform

    @property
    def media_folder(self) -> Path:
        """Where customers' files are kept."""
        return self.settings.media_dir or self.settings.home / "media"

    @cached_property
    def webhooks(self) -> dict[str, Webhooks]:
        """Who may deliver to us, by the last part of the address."""
        self.settings.require("WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN")
        secrets = [secret.get_secret_value() for secret in self.settings.whatsapp.app_secrets]
        return {"whatsapp": WhatsAppWebhooks(secrets)}

    @property
    def crms(self) -> dict[str, CRM]:
        """The configured CRMs, the master first. Several threads may be the first to ask."""
        with self._adapters:
            return self._crms

    @cached_property
    def _crms(self) -> dict[str, CRM]:
        tokens = {"zoho": self.zoho_tokens}
        return {
            name: registry.build(name, self.settings, Shared(tokens.get(name), self.quota, self.tallies.count))
            for name in self.settings.crm.names
        }

    @property
    def told(self) -> tuple[str, ...]:
        """Whoever hears of what happens: the CRMs, and the subscribers of hooks."""
        return (*self.settings.crm.names, HOOKS)

    @property
    def files_at(self) -> str:
        """The address below which others fetch messages' files from us."""
        return f"{self.settings.public_url or ''}/api/v1/media"

    @cached_property
    def hook_http(self) -> HttpClient:
        """The pool of connections to subscribers of hooks."""
        hooks = self.tuning.hooks
        return HttpClient(deadline=hooks.timeout_seconds, connect=hooks.timeout_seconds, connections=hooks.concurrency)

    @property
    def hook_caller(self) -> HookCaller:
        """The port through which subscribers of hooks are told."""
        return HookPoster(self.hook_http, Targets(self.settings.hooks_private_networks), self.clock)

    @cached_property
    def zoho_tokens(self) -> RedisTokens | None:
        """Zoho's access token, one for all workers: it gives out ten in ten minutes."""
        refresh_token = self.settings.zoho.refresh_token
        if refresh_token is None:
            return None
        own = ProcessTokens(most=2)
        return RedisTokens(
            self.services.redis_url, name="zoho", refresh_token=refresh_token.get_secret_value(), twin=own
        )

    @cached_property
    def throttle(self) -> Throttle:
        """The limiter that all workers share."""
        rate = self.tuning.rate
        return RedisThrottle(
            self.services.redis_url,
            per_minute=rate.per_minute(self.settings.whatsapp.tier),
            per_second=rate.provider_per_second,
            reserve=rate.reserve_share,
        )

    @cached_property
    def quota(self) -> Quota:
        """What all workers together may ask of the CRMs."""
        reserve = self.tuning.rate.reserve_share
        budgets: dict[str, Budget] = {
            name: Budget(limit.calls or 0, limit.seconds or 0.0, limit.at_once or 0, reserve)
            for name, limit in self.tuning.quota.items()
        }
        return RedisQuota(self.services.redis_url, budgets)

    @cached_property
    def tallies(self) -> RedisTallies:
        """How often all workers have asked the CRMs, and how long that took."""
        return RedisTallies(self.services.redis_url)

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        """Threads for requests that may wait side by side."""
        return ThreadPoolExecutor(self.tuning.send.concurrency, thread_name_prefix="http")


def _access_token(settings: Settings) -> str:
    token = settings.whatsapp.access_token
    return token.get_secret_value() if token else ""


def _close(part: object) -> None:
    if isinstance(part, ThreadPoolExecutor):
        part.shutdown(wait=False, cancel_futures=True)
    elif isinstance(part, dict):
        for member in part.values():
            _close(member)
    elif hasattr(part, "close"):
        part.close()
