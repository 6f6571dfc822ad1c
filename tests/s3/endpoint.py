"""What every S3 server of the tests, and the proxy before it, is reached by."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import Any

import boto3
import botocore.config
import botocore.session

REGION = "us-east-1"
# moto takes any; a server that checks signatures is started with these.
ACCESS_KEY = SECRET_KEY = "testing"
EVERY_ADDRESS = "0.0.0.0"


class Endpoint(ABC):
    """An S3 endpoint over HTTP.

    Attributes:
        host: the address it listens on; "0.0.0.0" for containers, which come by a gateway.
    """

    host: str

    @property
    @abstractmethod
    def port(self) -> int:
        """The TCP port it listens on."""

    @property
    def url(self) -> str:
        """Where this machine reaches it."""
        return self.url_at("127.0.0.1" if self.host == EVERY_ADDRESS else self.host)

    def url_at(self, host: str) -> str:
        """Where others reach it, who know this machine as `host`."""
        return f"http://{host}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a process on this machine has to have in its environment to use it."""
        return self.environment_at(self.url)

    def environment_at(self, url: str) -> dict[str, str]:
        """What a process that reaches it at that URL has to have in its environment."""
        return {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, **config: Any) -> Any:
        """Make a boto3 client of it that takes nothing from this machine's configuration.

        Args:
            config: keywords of botocore.config.Config.
        """
        # Without this, an AWS_PROFILE that a developer has set would be looked up.
        no_profile = {"profile": (None, None, None, None)}
        session = botocore.session.Session(session_vars=no_profile)
        session.set_config_variable("config_file", os.devnull)
        session.set_config_variable("credentials_file", os.devnull)
        return boto3.session.Session(botocore_session=session).client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=botocore.config.Config(**config),
        )
