"""A rotation with boto3, for as long as it takes: arguments are the user and a bucket. Prints what it saw as JSON."""

import json
import sys

import boto3
from botocore.exceptions import ClientError

user, bucket = sys.argv[1:]
iam = boto3.client("iam")
refused = []


def refuse(call):
    try:
        call()
    except ClientError as error:
        refused.append(error.response["Error"]["Code"])


def as_key(service, key, secret):
    return boto3.client(service, aws_access_key_id=key, aws_secret_access_key=secret)


old = iam.list_access_keys(UserName=user)["AccessKeyMetadata"][0]["AccessKeyId"]
new = iam.create_access_key(UserName=user)["AccessKey"]
pair = new["AccessKeyId"], new["SecretAccessKey"]
refuse(lambda: iam.create_access_key(UserName=user))
refuse(lambda: iam.list_access_keys(UserName="nobody"))
refuse(lambda: as_key("sts", pair[0], "x" * 40).get_caller_identity())
assert as_key("sts", *pair).get_caller_identity()["Arn"].endswith(user)
pages = as_key("s3", *pair).get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 5})
objects = sum(len(page["Contents"]) for page in pages)
iam.update_access_key(UserName=user, AccessKeyId=old, Status="Inactive")
iam.get_access_key_last_used(AccessKeyId=old)
iam.delete_access_key(UserName=user, AccessKeyId=old)
refuse(lambda: as_key("sts", old, "x" * 40).get_caller_identity())
print(json.dumps({"new": pair[0], "objects": objects, "refused": refused}))
