"""moto's server, closer to AWS in two places: an Inactive key authenticates nobody, and an error of authentication has
the shape that AWS gives it, without which the SDK for Rust finds no code in it."""

import sys

import moto.core.exceptions as errors
import moto.iam.access_control as access
from moto.iam.models import iam_backends
from moto.server import main
from xmltodict import unparse

create = access.create_access_key


def create_active(account_id, partition, access_key_id, headers):
    for user in iam_backends[account_id][partition].users.values():
        for key in user.access_keys:
            if key.access_key_id == access_key_id and key.status != "Active":
                raise access.CreateAccessKeyFailure(reason="InvalidId")
    return create(account_id=account_id, partition=partition, access_key_id=access_key_id, headers=headers)


def unwrapped(kind):
    wrap = kind.__init__

    def init(self, *args, **kwargs):
        wrap(self, *args, **kwargs)
        error = {"Type": "Sender", "Code": self.error_type, "Message": self.message}
        self.description = unparse({"ErrorResponse": {"Error": error}}, full_document=True)

    kind.__init__ = init


access.create_access_key = create_active
for kind in (errors.SignatureDoesNotMatchError, errors.InvalidClientTokenIdError, errors.AccessDeniedError):
    unwrapped(kind)
main(sys.argv[1:])
