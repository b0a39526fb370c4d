"""The world of a rehearsal on a fresh moto server: arguments are its URL, the users to rotate
(with commas) and a bucket. Users, keys and policies are made while nothing is checked; then authentication is
switched on. Prints each user's pair as JSON, the operator's as that of oncall."""

import json
import sys
import urllib.request

import boto3

url, users, bucket = sys.argv[1:]


def client(service):
    return boto3.client(
        service, endpoint_url=url, region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
    )


iam, s3 = client("iam"), client("s3")
pairs = {}
for name, actions in {"oncall": ["iam:*", "sts:*"], **{user: ["s3:*"] for user in users.split(",")}}.items():
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    pairs[name] = [key["AccessKeyId"], key["SecretAccessKey"]]
s3.create_bucket(Bucket=bucket)
for n in range(12):
    s3.put_object(Bucket=bucket, Key=f"vault/{n:02}.tar.age", Body=b"x")
switch = urllib.request.Request(url + "/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"})
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(switch).read()
print(json.dumps(pairs))
