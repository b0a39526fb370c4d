//! S3: the representative call of a backup writer.

use serde_json::{Value, json};

use super::trace::Failed;
use super::{Ask, Params, send};

pub(super) async fn list_objects(ask: &Ask<'_>, params: &Params<'_>) -> Result<Value, Failed> {
    // A thousand is S3's own limit for a page.
    let max = params.0.get("MaxKeys").and_then(Value::as_i64).unwrap_or(1000).clamp(1, 1000);
    let operation = ask
        .aws
        .s3
        .list_objects_v2()
        .bucket(params.text("Bucket")?)
        .set_prefix(params.optional("Prefix").map(str::to_owned))
        .max_keys(i32::try_from(max).unwrap_or(1000));
    let out = send!(aws_sdk_s3, ask, operation)?;
    // Every answer of ListObjectsV2 names its bucket; one without it is not such an answer.
    if out.name().is_none() {
        return Err(Failed::unreadable("the bucket's name"));
    }
    let objects: Vec<Value> =
        out.contents().iter().map(|object| json!({"key": object.key(), "size": object.size()})).collect();
    Ok(json!({"objects": objects, "truncated": out.is_truncated().unwrap_or(false)}))
}
