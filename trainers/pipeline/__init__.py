"""Pipelines: stages that are runs and commands, each with an artefact that later ones build on."""
