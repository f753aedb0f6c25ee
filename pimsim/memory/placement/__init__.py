"""Tables and rows on channels, banks and crossbars."""
