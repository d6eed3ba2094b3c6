"""The effect that the module SegmentEditorImperfectSeg adds to Segment Editor."""
