"""The SOP by boto3, without its waits: the calls of sop.sh. Arguments: the user, a bucket, the old pair."""

import sys

import boto3

user, bucket, old, old_secret = sys.argv[1:]
iam, sts = boto3.client("iam"), boto3.client("sts")


def as_key(service, key, secret):
    return boto3.client(service, aws_access_key_id=key, aws_secret_access_key=secret)


def keys():
    return {key["AccessKeyId"]: key["Status"] for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]}


sts.get_caller_identity()
assert keys() == {old: "Active"}
as_key("sts", old, old_secret).get_caller_identity()
new = iam.create_access_key(UserName=user)["AccessKey"]
pair = new["AccessKeyId"], new["SecretAccessKey"]
assert as_key("sts", *pair).get_caller_identity()["Arn"].endswith("/" + user)
s3 = as_key("s3", *pair)
assert s3.list_objects_v2(Bucket=bucket, MaxKeys=10)["Contents"]
iam.get_access_key_last_used(AccessKeyId=old)
iam.update_access_key(UserName=user, AccessKeyId=old, Status="Inactive")
assert keys() == {old: "Inactive", pair[0]: "Active"}
assert s3.list_objects_v2(Bucket=bucket, MaxKeys=10)["Contents"]
iam.delete_access_key(UserName=user, AccessKeyId=old)
assert keys() == {pair[0]: "Active"}
