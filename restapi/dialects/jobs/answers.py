"""The answers of the jobs API as JSON Schema; a test holds real answers against it."""

from __future__ import annotations

from restapi.dialects.jobs.job_document import HARDWARE, JOB, JOB_ANALYSIS
from restapi.dialects.jobs.statuses import CLUSTER_STATUSES, JOB_STATUSES
from restapi.openapi.schema import (
    ANYTHING,
    BOOLEAN,
    COUNT,
    INTEGER,
    OBJECT,
    TEXT,
    Component,
    Schema,
    Shape,
    array,
    either,
    mapping,
    one_of,
    or_null,
    record,
)

TIME: Schema = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
    "examples": ["2014-11-12T22:20:09.596996Z"],
}
URL: Schema = {"type": "string", "format": "uri"}


def page(results: Shape) -> Schema:
    """A page of a list."""
    return record({"count": COUNT, "next": or_null(URL), "previous": or_null(URL), "results": array(results)})


DETAIL = Component("Detail", record({"detail": TEXT}, {"request_id": TEXT}))

PROBLEMS = Component(
    "Problems",
    {**OBJECT, "description": "Lists of messages by field, nested like what was sent; or one `detail`"},
)

_FILE = {
    "typeId": {**INTEGER, "description": "1 input, 2 template, 3 parameter, 4 script, 5 output, 7 to 12 others"},
    "name": TEXT,
    "dateUploaded": TIME,
    "relativePath": {**TEXT, "description": "The path below the folder of the run"},
    "encodedEncryptionKey": {**TEXT, "description": "Empty: files are not encrypted"},
    "sharedWith": array(ANYTHING),
    "decryptedSize": COUNT,
    "owner": TEXT,
    "path": TEXT,
    "isUploaded": BOOLEAN,
    "viewInBrowser": BOOLEAN,
    "id": TEXT,
    "md5": {**TEXT, "pattern": "^[0-9a-f]{32}$"},
    "downloadUrl": URL,
    "isDeleted": BOOLEAN,
    "fileChecksums": array(record({"hashFunction": one_of("SHA512"), "fileHash": TEXT})),
}

FILE = Component("File", record(_FILE))

_USED_FILE = {"type": "object", "properties": {**_FILE, "decompress": BOOLEAN}, "required": ["id"]}

_ANALYSIS = {
    **JOB_ANALYSIS.schema,
    "properties": {
        **JOB_ANALYSIS.schema["properties"],
        "analysis": {"type": "object", "required": ["code", "version", "name", "versionName"]},
        "hardware": {**HARDWARE.schema, "required": ["coreType", "coresPerSlot", "slots", "walltime", "coreSummary"]},
        "inputFiles": array(_USED_FILE),
        "preProcessScript": or_null(_USED_FILE),
        "postProcessScript": or_null(_USED_FILE),
    },
    "required": list(JOB_ANALYSIS.fields),
}

JOB_OBJECT = Component(
    "Job",
    {
        **JOB.schema,
        "properties": {**JOB.schema["properties"], "jobanalyses": array(_ANALYSIS), "id": TEXT, "owner": TEXT},
        "required": [*JOB.fields, "id", "owner"],
    },
)

JOB_SUMMARY = Component(
    "JobSummary",
    record(
        {
            "analysisNames": array(TEXT),
            "clusterStatusDisplay": record({"content": TEXT, "labelClass": TEXT, "useLabel": BOOLEAN}),
            "dateInserted": TIME,
            "id": TEXT,
            "isVisible": BOOLEAN,
            "jobStatus": record({"content": or_null(one_of(*JOB_STATUSES.values()))}),
            "name": TEXT,
            "owner": TEXT,
            "sharedWith": array(ANYTHING),
            "storage": {**COUNT, "description": "Bytes of inputs and outputs"},
        }
    ),
)

RUN = Component(
    "Run",
    record(
        {
            "dateCompleted": or_null(TIME),
            "parent": or_null(ANYTHING),
            "variables": array(ANYTHING),
            "outputFileSize": or_null(COUNT),
            "outputFileCount": COUNT,
            "dateStarted": or_null(TIME),
            "type": INTEGER,
            "id": TEXT,
            "displayOrder": INTEGER,
            "isOptimal": BOOLEAN,
        }
    ),
)


def _status(*names: str) -> Schema:
    return record({"status": one_of(*names), "statusDate": TIME, "statusReason": or_null(TEXT)})


STATUS = Component("Status", _status(*JOB_STATUSES.values()))
CLUSTER_STATUS = Component("ClusterStatus", _status(*dict.fromkeys(CLUSTER_STATUSES.values())))

ANALYSIS = Component(
    "Analysis",
    record(
        {
            "industries": array(ANYTHING),
            "code": TEXT,
            "description": TEXT,
            "versions": array(
                record(
                    {
                        "eula": or_null(TEXT),
                        "allowedCoreTypes": array(TEXT),
                        "stdCommand": TEXT,
                        "version": TEXT,
                        "mpiCommand": TEXT,
                        "versionCode": TEXT,
                        "smpCommand": TEXT,
                    }
                )
            ),
            "supportDesks": array(ANYTHING),
            "hasRescaleLicense": BOOLEAN,
            "vendorName": TEXT,
            "pricing": TEXT,
            "licenseSettings": array(ANYTHING),
            "optimizerType": or_null(TEXT),
            "thumbnail": TEXT,
            "resources": array(ANYTHING),
            "name": TEXT,
        }
    ),
)

CORE_TYPE = Component(
    "CoreType",
    record(
        {
            "code": TEXT,
            "name": TEXT,
            "cores": array(INTEGER),
            "memory": {**COUNT, "description": "MB a core"},
            "price": {**TEXT, "description": "Of an hour and core"},
            "processorInfo": TEXT,
            "isDeprecated": BOOLEAN,
            "displayOrder": COUNT,
        }
    ),
)

USER = Component("User", record({"id": TEXT, "username": TEXT, "email": TEXT, "firstName": TEXT, "lastName": TEXT}))

LINES: Schema = record({"lines": array(TEXT)})
TAIL: Schema = record(
    {"fileType": one_of("text", "binary"), "lines": array(TEXT)},
    {
        "position": {**INTEGER, "description": "Where the first line begins, in bytes"},
        "next": {**INTEGER, "description": "Where the lines go on that are not here yet"},
        "size": {**INTEGER, "description": "Bytes that the file has now"},
    },
)
DIRECTORY: Schema = array(record({"path": TEXT, "resource": {**TEXT, "description": "The path of its tail"}}))
ROOT: Schema = mapping(URL)
NOTHING: Schema = record({})
UPLOAD: Schema = {
    "type": "object",
    "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
    "required": ["file"],
}
FILE_CHANGES: Schema = {"type": "object", "properties": {"name": TEXT, "typeId": INTEGER}}
EITHER_ERROR = either(DETAIL, PROBLEMS)
