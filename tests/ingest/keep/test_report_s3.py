"""The report of a data set in a bucket: read through the store, and written beside the data."""

from animatrix_ingest import engine, pipeline, report
from animatrix_ingest.keep.store import open_store


def test_a_report_is_written_into_the_bucket_and_again(s3, film, small, tmp_path):
    film("a.mp4", [20, 30])
    pipeline.run([str(tmp_path / "sources")], s3, small, engine.in_turn)
    assert report.write(s3) == report.write(s3) == f"{s3}/report.html"
    page = open_store(s3).get("report.html").decode()
    assert page.count("data:image/webp") == 2
    assert str(tmp_path) not in page.split("</h1>")[0]
