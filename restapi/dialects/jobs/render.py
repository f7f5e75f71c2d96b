"""Records -> the JSON of this dialect. Nothing here reads or asks anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiida_like_engine.root.catalogue import Analysis, Catalogue, Coretype, Version
from restapi.dialects.jobs.job_document import version_of
from restapi.dialects.jobs.records import FileRecord, JobRecord, ListedJob, Owner, RunRecord
from restapi.dialects.jobs.statuses import LABEL_CLASSES


@dataclass(frozen=True)
class Links:
    """URLs as a client reaches them: `root` ends with the mount point, and the user's prefix if the request had it.

    `mount` is the path of it, without scheme and host.
    """

    root: str
    mount: str

    def contents(self, file: str) -> str:
        return f"{self.root}/api/v2/files/{file}/contents/"

    def file(self, file: str) -> str:
        return f"{self.root}/api/v2/files/{file}/"

    def job(self, job: str) -> str:
        return f"{self.root}/api/v2/jobs/{job}/"

    def tail(self, job: str, run: str, path: str) -> str:
        """A path, as clients add it to the host."""
        return f"{self.mount}/api/jobs/{job}/runs/{run}/tail/{quote(path)}"


def file_object(file: FileRecord, links: Links) -> dict[str, Any]:
    return {
        "typeId": file.type_id,
        "name": file.name,
        "dateUploaded": file.date,
        "relativePath": file.relative_path,
        # Files are not encrypted.
        "encodedEncryptionKey": "",
        "sharedWith": [],
        "decryptedSize": file.size,
        "owner": file.owner.email,
        "path": file.path,
        "isUploaded": True,
        "viewInBrowser": False,
        "id": file.id,
        "md5": file.md5,
        "downloadUrl": links.contents(file.id),
        "isDeleted": file.is_deleted,
        "fileChecksums": [{"hashFunction": "SHA512", "fileHash": file.sha512}],
    }


def job_object(job: JobRecord, files: Mapping[str, FileRecord], catalogue: Catalogue, links: Links) -> dict[str, Any]:
    """A whole job. `files` are those that it names, by their ids."""
    return {
        **job.document,
        "jobanalyses": [_job_analysis(each, files, catalogue, links) for each in job.document["jobanalyses"]],
        "owner": job.owner.email,
        "id": job.id,
    }


def _job_analysis(
    stored: Mapping[str, Any], files: Mapping[str, FileRecord], catalogue: Catalogue, links: Links
) -> dict[str, Any]:
    analysis, hardware = stored["analysis"], stored["hardware"]
    offered = catalogue.analyses.get(analysis["code"])
    version = None if offered is None else version_of(offered, analysis["version"])

    def shown(given: Mapping[str, Any]) -> dict[str, Any]:
        file = files.get(given["id"])
        return dict(given) if file is None else {**given, **file_object(file, links)}

    scripts = {key: stored[key] and shown(stored[key]) for key in ("preProcessScript", "postProcessScript")}
    return {
        **stored,
        "analysis": {
            **analysis,
            "name": analysis["code"] if offered is None else _name(offered),
            "versionName": analysis["version"] if version is None else _name(version),
        },
        "hardware": {**hardware, "coreSummary": _core_summary(catalogue, hardware)},
        "inputFiles": [shown(each) for each in stored["inputFiles"]],
        **scripts,
    }


def _core_summary(catalogue: Catalogue, hardware: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a job has of its node, in MB; None: its core type is not offered any more."""
    found = catalogue.coretypes.get(hardware["coreType"])
    if found is None:
        return None
    cores = hardware["coresPerSlot"]
    return {"storagePerNode": found.storage * cores, "numberOfNodes": 1, "memoryPerNode": found.memory * cores}


def _name(offered: Analysis | Version | Coretype) -> str:
    return offered.name or offered.code


def job_summary(job: ListedJob, catalogue: Catalogue, status: str | None, cluster: str, storage: int) -> dict[str, Any]:
    """A job in a list. `status` is that of now, None of a draft; `storage` in bytes, of inputs and outputs."""
    known = catalogue.analyses
    return {
        "analysisNames": [_name(known[code]) if code in known else code for code in job.analyses],
        "clusterStatusDisplay": {"content": cluster, "labelClass": LABEL_CLASSES[cluster], "useLabel": True},
        "dateInserted": job.created,
        "id": job.id,
        "isVisible": True,
        "jobStatus": {"content": status},
        "name": job.name,
        "owner": job.owner.email,
        "sharedWith": [],
        "storage": storage,
    }


def run_object(run: RunRecord) -> dict[str, Any]:
    return {
        "dateCompleted": run.ended,
        "parent": None,
        "variables": [],
        "outputFileSize": run.output_bytes if run.has_ended else None,
        "outputFileCount": run.output_count,
        "dateStarted": run.started,
        "type": 3,
        "id": str(run.number),
        "displayOrder": run.number,
        "isOptimal": False,
    }


def analysis_object(analysis: Analysis, catalogue: Catalogue) -> dict[str, Any]:
    newest_first = reversed(list(analysis.versions.values()))
    return {
        "industries": [],
        "code": analysis.code,
        "description": analysis.description,
        "versions": [_version_object(each, catalogue) for each in newest_first],
        "supportDesks": [],
        "hasRescaleLicense": False,
        "vendorName": analysis.vendor,
        "pricing": "",
        "licenseSettings": [],
        "optimizerType": None,
        "thumbnail": analysis.thumbnail,
        "resources": [],
        "name": _name(analysis),
    }


def _version_object(version: Version, catalogue: Catalogue) -> dict[str, Any]:
    return {
        "eula": None,
        "allowedCoreTypes": list(version.coretypes or catalogue.coretypes),
        "stdCommand": version.command,
        "version": _name(version),
        "mpiCommand": version.mpi_command,
        "versionCode": version.code,
        "smpCommand": version.smp_command,
    }


def core_type_object(core_type: Coretype, order: int) -> dict[str, Any]:
    return {
        "code": core_type.code,
        "name": _name(core_type),
        "cores": list(core_type.cores),
        "memory": core_type.memory,
        "price": core_type.price,
        "processorInfo": core_type.processor,
        "isDeprecated": core_type.deprecated,
        "displayOrder": order,
    }


def user_object(owner: Owner) -> dict[str, Any]:
    return {"id": owner.name, "username": owner.name, "email": owner.email, "firstName": "", "lastName": ""}
