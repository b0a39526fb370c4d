#!/usr/bin/env bash
# The SOP by hand: `aws` and `jq`, without its waits. Arguments: the user, a bucket, the old pair.
set -euo pipefail
user=$1 bucket=$2 old_id=$3 old_secret=$4
as() { AWS_ACCESS_KEY_ID=$1 AWS_SECRET_ACCESS_KEY=$2 aws "${@:3}"; }

aws sts get-caller-identity >/dev/null
[[ $(aws iam list-access-keys --user-name "$user" | jq -r '.AccessKeyMetadata[].AccessKeyId') == "$old_id" ]]
as "$old_id" "$old_secret" sts get-caller-identity >/dev/null
new=$(aws iam create-access-key --user-name "$user")
id=$(jq -r .AccessKey.AccessKeyId <<<"$new") secret=$(jq -r .AccessKey.SecretAccessKey <<<"$new")
as "$id" "$secret" sts get-caller-identity | jq -e --arg user "$user" '.Arn | endswith("/" + $user)' >/dev/null
as "$id" "$secret" s3api list-objects-v2 --bucket "$bucket" --max-keys 10 | jq -e '.Contents | length > 0' >/dev/null
aws iam get-access-key-last-used --access-key-id "$old_id" >/dev/null
aws iam update-access-key --user-name "$user" --access-key-id "$old_id" --status Inactive
aws iam list-access-keys --user-name "$user" | jq -e '[.AccessKeyMetadata[].Status] | sort == ["Active", "Inactive"]' >/dev/null
as "$id" "$secret" s3api list-objects-v2 --bucket "$bucket" --max-keys 10 >/dev/null
aws iam delete-access-key --user-name "$user" --access-key-id "$old_id"
[[ $(aws iam list-access-keys --user-name "$user" | jq -r '.AccessKeyMetadata[].AccessKeyId') == "$id" ]]
