"""Pictures made on the server as SVG: a bundle, the paths that conversations took, the report's small charts.

Pure, from values to text, without a library of charts; nothing here knows where a picture is shown.

    draw_bundle, draw_bundle_for_page    firstline.drawing.bundle_flow    describe_bundle    firstline.drawing.mermaid
    draw_paths, name_steps               firstline.drawing.sankey         takes              firstline.drawing.paths
    draw_trend, draw_bullet, draw_bars   firstline.drawing.charts         draw_ladder        firstline.drawing.ladder
    standalone                           firstline.drawing.alone

On a page, a picture's colours come from `web/static/drawing.css`; as a file of its own, from `standalone`.
"""
